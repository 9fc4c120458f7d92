"""Where the clinic meets its tool houses: implements the ports on both sides. Nobody else imports both."""
