DROP INDEX jobs_by_day;
