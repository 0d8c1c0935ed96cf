"""Plans: versions, address books, fit, signatures, documents."""
