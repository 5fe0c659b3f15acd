-- Big results without personal data. Apart from the shop, whose copies must be cheap.

create table work.big as
select n as id, md5(n::text) as payload, n * 1.5 as amount,
       timestamptz '2025-01-01' + n * interval '1 second' as at
from generate_series(1, 100000) n;
analyze work.big;
grant all on work.big to walt;
