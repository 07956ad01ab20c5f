"""The models of `profile.json`, its schema, its reader and its writer."""
