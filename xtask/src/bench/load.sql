-- A table of invented people, about 290 bytes a row; the same for the same number of rows.
SELECT setseed(0.5);
CREATE UNLOGGED TABLE customers (
    id         bigint PRIMARY KEY,
    full_name  text NOT NULL,
    email      text NOT NULL,
    phone      text NOT NULL,
    iban       text NOT NULL,
    born       date NOT NULL,
    address    text NOT NULL,
    balance    numeric(12, 2) NOT NULL,
    changed    timestamp NOT NULL,
    note       text NOT NULL
);
INSERT INTO customers
SELECT id,
       first || ' ' || last,
       lower(first) || '.' || lower(last) || id % 1000 || '@' || domain,
       '+49 30 ' || lpad((random() * 9999999)::int::text, 7, '0'),
       'DE' || lpad((2 + id % 97)::text, 2, '0') || lpad((random() * 1e9)::bigint::text, 18, '5'),
       date '1940-01-01' + (random() * 24000)::int,
       street || ' ' || 1 + id % 190 || ', ' || town,
       (random() * 100000)::numeric(12, 2),
       timestamp '2026-01-01' + id * interval '7 seconds',
       CASE id % 8
           WHEN 0 THEN first || ' ' || topic || ', write to ' || lower(last) || '@' || domain
           WHEN 1 THEN topic || '; call back ' || last || ' on +49 171 ' || 1000000 + id % 999983
           ELSE 'The customer ' || topic || ' ' || id || '; answered, and closed the same day'
       END || repeat('.', (id % 60)::int)
FROM (
    SELECT id,
           (ARRAY['Anna', 'Bruno', 'Chiara', 'David', 'Elena', 'Farid', 'Greta', 'Hugo', 'Ines',
                  'Jonas', 'Katarina', 'Liam', 'Marta', 'Nils', 'Olga', 'Pavel'])[1 + id % 16] AS first,
           (ARRAY['Horvat', 'Schmidt', 'Rossi', 'Novak', 'Dubois', 'Jensen', 'Kowalska', 'Silva',
                  'Becker', 'Moreau', 'Larsson'])[1 + id % 11] AS last,
           (ARRAY['example.com', 'mail.example.org', 'example.net'])[1 + id % 3] AS domain,
           (ARRAY['Hauptstr.', 'Rue de la Paix', 'Via Roma', 'High Street'])[1 + id % 4] AS street,
           (ARRAY['10115 Berlin', '75001 Paris', '00184 Roma', 'SW1A 1AA London'])[1 + id % 4] AS town,
           (ARRAY['asked about the late delivery of an order',
                  'wants the plan of the contract to be changed',
                  'reports that the page for signing in fails',
                  'asks for the money of a double charge back'])[1 + id % 4] AS topic
    FROM generate_series(1, :rows) AS id
) AS people;
VACUUM ANALYZE customers;
