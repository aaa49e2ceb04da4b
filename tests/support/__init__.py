"""Helpers of the tests: archives, servers, inputs that are wrong on purpose."""
