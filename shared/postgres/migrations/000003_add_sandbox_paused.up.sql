-- A constant default is stored in the catalogue: no row is rewritten.
ALTER TABLE jobs ADD COLUMN sandbox_paused boolean NOT NULL DEFAULT false;
