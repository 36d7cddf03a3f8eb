"""Files that describe clusters, checked before they cost money: `cluster.yaml` of `ray up`, and KubeRay's RayJob and RayCluster."""
