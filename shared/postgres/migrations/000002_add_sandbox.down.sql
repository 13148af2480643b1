DROP INDEX jobs_build_version;

ALTER TABLE jobs
    DROP COLUMN workspace_path,
    DROP COLUMN build_version,
    DROP COLUMN preview_url,
    DROP COLUMN sandbox_id;
