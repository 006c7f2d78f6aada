"""What the command line and `import suite` share: each verb as a function, and the models that they give."""
