-- The page of a link, and the log behind it, only read: they find the link's share.
CREATE OR REPLACE PROCEDURE grant_to_users() LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'siesta_functions') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO siesta_functions;
        GRANT SELECT, INSERT, UPDATE ON reconcile_progress, shares, wakes TO siesta_functions;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'siesta_reader') THEN
        GRANT SELECT ON jobs, shares TO siesta_reader;
    END IF;
END $$;
CALL grant_to_users();
