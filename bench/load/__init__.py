"""Many people at once: overhead per answer, answers a second, open streams, clients that leave."""
