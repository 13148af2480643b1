ALTER TABLE jobs
    ADD COLUMN sandbox_id     text,
    ADD COLUMN preview_url    text,
    ADD COLUMN build_version  text,
    ADD COLUMN workspace_path text;

CREATE UNIQUE INDEX jobs_build_version ON jobs (user_id, project_id, build_version);
