-- Text about the file.

CREATE TABLE entries (id BIGINT NOT NULL PRIMARY KEY, amount INT);

-- Add up all the amounts
-- of an account.
CREATE OR REPLACE FUNCTION ledger.total(account integer, since date DEFAULT NULL)
RETURNS integer
LANGUAGE sql
AS $$
  SELECT sum(amount) FROM entries;
$$;

/* Double what is given to it. */
CREATE FUNCTION twice(n integer) RETURNS integer
  LANGUAGE sql AS 'SELECT n * 2';

CREATE FUNCTION stamp() RETURNS trigger AS $body$
BEGIN
  SELECT 1;
END;
$body$ LANGUAGE plpgsql;

CREATE TRIGGER stamp_entries BEFORE INSERT ON entries
  FOR EACH ROW EXECUTE FUNCTION stamp();

SELECT ledger.total(1);
