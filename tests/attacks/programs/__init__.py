"""Programs that attack tests start as processes of their own, because they may die."""
