"""One server under test: started, watched and loaded in windows. Says what was measured, never what it means."""
