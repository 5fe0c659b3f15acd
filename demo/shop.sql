-- A shop with 5,000 invented customers. Nobody in it exists; numbers are made so that they
-- look real to a detector (check digits included where they are cheap to compute).

create table customers (
    id           integer primary key,
    full_name    text not null,
    email        text not null,
    phone        text not null,
    national_id  text not null,
    iban         text not null,
    dob          date not null,
    address      text not null,
    city         text not null,
    notes        text
);

with names as (
    select array['Ada', 'Bruno', 'Carmen', 'Dario', 'Elif', 'Farid', 'Greta', 'Hugo', 'Ines',
                 'Jonas', 'Kaja', 'Liam', 'Mara', 'Nils', 'Olga', 'Pablo', 'Rosa', 'Sven',
                 'Tilda', 'Umut'] as first,
           array['Almeida', 'Bauer', 'Castillo', 'Dubois', 'Eriksen', 'Ferrari', 'Gruber',
                 'Horvat', 'Ivanov', 'Jensen', 'Kowalski', 'Lindqvist', 'Moreau', 'Novak',
                 'Okafor', 'Petrov', 'Rossi', 'Schmidt', 'Tanaka', 'Varga', 'Weber'] as last,
           array['Lille', 'Gent', 'Porto', 'Graz', 'Turku', 'Brno', 'Malaga', 'Leipzig'] as city,
           array['Harbour Street', 'Mill Lane', 'Station Road', 'Garden Row', 'Church Hill'] as street
), people as (
    select n,
           first[1 + n % 20] as first_name,
           last[1 + (n * 7) % 21] as last_name,
           city[1 + (n * 3) % 8] as city,
           street[1 + (n * 11) % 5] as street
    from names, generate_series(1, 5000) n
)
insert into customers
select n,
       first_name || ' ' || last_name,
       lower(first_name || '.' || last_name || n || '@example.com'),
       '+49 30 ' || lpad(((n * 7919) % 10000000)::text, 7, '0'),
       lpad((100 + n % 800)::text, 3, '0') || '-' || lpad((10 + n % 89)::text, 2, '0') || '-' ||
           lpad((n * 31 % 10000)::text, 4, '0'),
       'DE' || lpad((98 - (('5001051700' || lpad(n::text, 8, '0') || '131400')::numeric % 97))::text, 2, '0') ||
           '5001051700' || lpad(n::text, 8, '0'),
       date '1950-01-01' + (n * 37) % 20000,
       (1 + n % 120) || ' ' || street,
       city,
       case when n % 9 = 0 then 'called from ' || '+49 30 ' || lpad(((n * 7919) % 10000000)::text, 7, '0') ||
            ' about a late parcel' end
from people;

create table orders (
    id           integer primary key,
    customer_id  integer not null references customers,
    article      text not null,
    quantity     integer not null,
    price        numeric(10, 2) not null,
    ordered_on   date not null
);

insert into orders
select n, 1 + (n * 13) % 5000,
       (array['lamp', 'kettle', 'desk', 'chair', 'shelf', 'mirror'])[1 + n % 6],
       1 + n % 4, 9.90 + n % 80, date '2026-01-01' + n % 300
from generate_series(1, 20000) n;

create index on orders (customer_id);
analyze;
