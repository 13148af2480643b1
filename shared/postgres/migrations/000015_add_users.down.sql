DROP PROCEDURE grant_to_users();
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT rolname FROM pg_roles WHERE rolname IN ('siesta_functions', 'siesta_reader') LOOP
        EXECUTE format('REVOKE ALL ON jobs, reconcile_progress, shares, wakes FROM %I', name);
    END LOOP;
END $$;
