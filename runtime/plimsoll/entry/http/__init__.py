"""The HTTP request and response as `@rawhttp` scripts see them: Werkzeug's."""
