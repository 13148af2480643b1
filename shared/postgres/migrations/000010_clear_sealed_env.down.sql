SELECT 1; -- what was cleared does not come back
