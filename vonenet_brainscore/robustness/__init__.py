"""Object recognition under adversarial attacks and on corrupted images."""
