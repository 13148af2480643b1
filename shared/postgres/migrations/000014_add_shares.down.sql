-- Every link ends: a table that is made again has other ids.
DROP TABLE shares;
