"""Events that are sent to a webhook of the operator."""
