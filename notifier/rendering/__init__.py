"""Every sentence a person reads: templates found, messages written, posters printed."""
