"""What a user demands of a profile before the pipeline may go on."""
