"""The memory that a training needs, counted before anything is loaded.

The model of a ``config.json`` is built of fake tensors, which have a shape and no memory, and the training's
own code runs on them while every allocation is counted. So the plan follows the code, whatever the
architecture and the settings.
"""
