"""Hosts, origins, certificates and the parts of HTTP that the doors, OAuth and the calls to other servers share."""
