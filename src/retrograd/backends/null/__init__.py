"""Nothing at all: what a step costs outside its program is measured with this."""
