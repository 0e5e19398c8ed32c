"""The codes a run can fail with, for those who name some of them."""

from __future__ import annotations

#: While the repository is fetched, the environment built, the script runs, and of the supervisor itself.
FAILURE_CODES = frozenset(
    (
        "fetch_failed host_unreachable clone_timeout repo_moved quota_exceeded repo_not_found "
        "auth_required ref_not_found script_not_found lfs_object_missing lfs_host_refused "
        "build_failed resolution_impossible no_matching_wheel index_unreachable python_unavailable "
        "build_timeout hash_mismatch timeout disk_full program_missing "
        "script_failed script_killed out_of_memory gpu_out_of_memory module_missing "
        "arguments_refused part_of_package interrupted rank_lost limit_time limit_memory limit_disk limit_silence "
        "supervisor_lost internal "
        "node_lost peer_failed node_setup_failed no_room cluster_lost cluster_restarted cluster_refused "
        "stopped_elsewhere"
    ).split()
)
