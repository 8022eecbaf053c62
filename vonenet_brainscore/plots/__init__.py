"""Pictures. Each function draws into the axes it is given or returns its figure; nothing is shown or saved unasked."""
