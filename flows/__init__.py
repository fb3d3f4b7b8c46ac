"""In what order and when: Prefect flows and deployments. The only place that imports Prefect."""
