-- The stack that the sandbox belongs to. In a copy of the database it is another
-- one's, and nobody here touches it. '' is of before: whoever reads it owns it.
ALTER TABLE jobs ADD COLUMN sandbox_stack text NOT NULL DEFAULT '';
