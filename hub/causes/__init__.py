"""The causes that call a person: what each means, and how to go on from a terminal and on the console."""
