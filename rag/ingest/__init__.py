"""From a source to searchable chunks: reading, cutting, embedding and the loop that drives them."""
