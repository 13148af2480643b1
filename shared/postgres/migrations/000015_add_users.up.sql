-- Who may do what: the functions, and those of them that only read. The roles are made
-- by whoever runs the server, before this or after it; after it, CALL grant_to_users()
-- again, as the owner of the tables. A migration that makes a table grants on it.
CREATE PROCEDURE grant_to_users() LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'siesta_functions') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO siesta_functions;
        GRANT SELECT, INSERT, UPDATE ON reconcile_progress, shares, wakes TO siesta_functions;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'siesta_reader') THEN
        GRANT SELECT ON jobs TO siesta_reader;
    END IF;
END $$;
CALL grant_to_users();
