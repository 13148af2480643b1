ALTER TABLE jobs DROP COLUMN sandbox_stack;
