"""One YAML file, one training run: the settings of raft_core.training.recipe.Recipe; grid*.yaml span many."""
