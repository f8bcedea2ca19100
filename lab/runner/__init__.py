"""From a matrix to stored records: schedule, worker processes, resume."""
