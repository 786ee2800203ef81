"""The pages that people see: ready without a script, in German and English, one thing on each."""
