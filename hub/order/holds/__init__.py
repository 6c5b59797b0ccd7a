"""Orders that wait: shown, ended by time, let go on by a person."""
