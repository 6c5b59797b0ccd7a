"""Partners to run without: stand-ins written from the partners' documents, over real HTTP on loopback."""
