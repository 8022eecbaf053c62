"""What a subject is scored on: names, data, V1 properties, exact compression, a simulated V1."""
