-- The projects that have share links. Nothing is kept of a link itself: all with an
-- older number have ended.
CREATE TABLE shares (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id    text        NOT NULL,
    project_id uuid        NOT NULL,
    number     integer     NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT shares_project UNIQUE (user_id, project_id)
);
