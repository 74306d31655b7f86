"""What is installed into agents: plugins, hooks and settings. It is a package so that a wheel has the files, too."""
