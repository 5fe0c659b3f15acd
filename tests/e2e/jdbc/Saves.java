// Hibernate as its documentation shows it. Arguments: the JDBC url, user and password. Prints one
// line for each step, `name<TAB>` with nothing behind it, or how it failed, and `shown<TAB>value…`
// for personal data that came; honest/test_h01_hibernate.py judges them. A step has rows of
// its own, so that what it has stored can be told when all are done.

import java.sql.BatchUpdateException;
import java.sql.SQLException;
import java.util.List;
import java.util.function.Consumer;
import javax.persistence.Column;
import javax.persistence.Entity;
import javax.persistence.FetchType;
import javax.persistence.GeneratedValue;
import javax.persistence.GenerationType;
import javax.persistence.Id;
import javax.persistence.JoinColumn;
import javax.persistence.ManyToOne;
import javax.persistence.MappedSuperclass;
import javax.persistence.OneToMany;
import javax.persistence.SequenceGenerator;
import javax.persistence.Table;
import javax.persistence.Version;
import org.hibernate.LockMode;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.annotations.OptimisticLockType;
import org.hibernate.cfg.Configuration;
import org.hibernate.criterion.Order;
import org.hibernate.criterion.Restrictions;
import org.hibernate.tool.hbm2ddl.SchemaValidator;

public final class Saves {
    private static final int[] BATCH = {11, 12, 13};
    private static final int[] BATCH_PARTLY = {14, 15, 16};
    private static SessionFactory sessions;

    private Saves() {}

    @MappedSuperclass
    public static class Person {
        @Id public int id;
        public String name;
        public String mail;
        public String phone;
        public String note;

        void fill(String filled) {
            name = filled;
            mail = filled + "@own.example";
            phone = "0" + filled.length();
        }

        @Override
        public String toString() {
            return name + "\t" + mail + "\t" + phone;
        }
    }

    @Entity(name = "Plain")
    @Table(name = "persons")
    public static class Plain extends Person {}

    @Entity(name = "Versioned")
    @Table(name = "persons")
    public static class Versioned extends Person {
        @Version public int version;

        @OneToMany(mappedBy = "person", fetch = FetchType.LAZY)
        public List<Visit> visits;
    }

    @Entity(name = "Partly")
    @Table(name = "persons")
    @org.hibernate.annotations.Entity(dynamicUpdate = true)
    public static class Partly extends Person {
        @Version public int version;
    }

    @Entity(name = "Asked")
    @Table(name = "persons")
    @org.hibernate.annotations.Entity(dynamicUpdate = true, selectBeforeUpdate = true)
    public static class Asked extends Person {}

    @Entity(name = "AllLocked")
    @Table(name = "persons")
    @org.hibernate.annotations.Entity(dynamicUpdate = true, optimisticLock = OptimisticLockType.ALL)
    public static class AllLocked extends Person {}

    @Entity(name = "DirtyLocked")
    @Table(name = "persons")
    @org.hibernate.annotations.Entity(dynamicUpdate = true, optimisticLock = OptimisticLockType.DIRTY)
    public static class DirtyLocked extends Person {}

    @Entity(name = "Visit")
    @Table(name = "visits")
    public static class Visit {
        @Id
        @GeneratedValue(strategy = GenerationType.SEQUENCE, generator = "visit")
        @SequenceGenerator(name = "visit", sequenceName = "visits_id_seq", allocationSize = 1)
        public int id;

        public String place;

        @ManyToOne(fetch = FetchType.LAZY)
        @JoinColumn(name = "person_id")
        public Versioned person;
    }

    @Entity(name = "Guest")
    @Table(name = "guests")
    public static class Guest {
        @Id
        @GeneratedValue(strategy = GenerationType.IDENTITY)
        public int id;

        @Column(nullable = false)
        public String name;

        public String note;
    }

    public static void main(String[] arguments) {
        Configuration configuration = new Configuration()
                .setProperty("hibernate.connection.driver_class", "org.postgresql.Driver")
                .setProperty("hibernate.connection.url", arguments[0])
                .setProperty("hibernate.connection.username", arguments[1])
                .setProperty("hibernate.connection.password", arguments[2])
                .setProperty("hibernate.connection.pool_size", "1")
                .setProperty("hibernate.dialect", "org.hibernate.dialect.PostgreSQLDialect")
                .setProperty("hibernate.jdbc.batch_size", "10")
                .setProperty("hibernate.jdbc.batch_versioned_data", "true");
        for (Class<?> entity : new Class<?>[] {
            Plain.class, Versioned.class, Partly.class, Asked.class, AllLocked.class, DirtyLocked.class,
            Visit.class, Guest.class
        }) {
            configuration.addAnnotatedClass(entity);
        }
        sessions = configuration.buildSessionFactory();
        step("validate", session -> new SchemaValidator(configuration).validate());
        saves();
        batches();
        detached();
        ownValues();
        queries();
        sessions.close();
    }

    private static void saves() {
        step("whole", session -> noted(session, Plain.class, 1));
        step("whole-versioned", session -> noted(session, Versioned.class, 2));
        step("dynamic-update", session -> noted(session, Partly.class, 3));
        step("lock-all", session -> noted(session, AllLocked.class, 4));
        step("lock-dirty", session -> noted(session, DirtyLocked.class, 5));
    }

    private static void batches() {
        step("batch", session -> noted(session, Versioned.class, BATCH));
        step("batch-dynamic-update", session -> noted(session, Partly.class, BATCH_PARTLY));
        step("often", session -> {
            // From the fifth execution on, the driver's statements live in the server.
            for (int turn = 0; turn < 8; turn++) {
                noted(session, Partly.class, 17);
                session.flush();
                session.clear();
            }
        });
        step("often-whole", session -> {
            for (int turn = 0; turn < 8; turn++) {
                session.get(Versioned.class, 18);
                session.clear();
            }
            noted(session, Versioned.class, 18);
        });
    }

    /** What web applications do: the object is shown in one session and saved in another. */
    private static void detached() {
        step("merge", session -> session.merge(shown(Versioned.class, 21)));
        step("merge-dynamic-update", session -> session.merge(shown(Partly.class, 22)));
        step("save-or-update", session -> session.saveOrUpdate(shown(Versioned.class, 23)));
        step("save-or-update-dynamic", session -> session.saveOrUpdate(shown(Partly.class, 24)));
        step("update-dynamic-update", session -> session.update(shown(Partly.class, 28)));
        step("select-before-update", session -> session.saveOrUpdate(shown(Asked.class, 25)));
        step("copy", session -> {
            Plain copy = shown(Plain.class, 26);
            copy.id = 126;
            session.save(copy);
        });
        step("merge-own", session -> {
            Partly merged = shown(Partly.class, 27);
            merged.fill("Own");
            session.merge(merged);
        });
    }

    private static void ownValues() {
        step("own-partly", session -> {
            Partly changed = (Partly) session.get(Partly.class, 31);
            changed.mail = "new@own.example";
        });
        step("own-whole", session -> {
            Versioned changed = (Versioned) session.get(Versioned.class, 32);
            changed.fill("Own");
        });
        step("own-beside-mask", session -> {
            Versioned changed = (Versioned) session.get(Versioned.class, 33);
            changed.mail = "new@own.example";
        });
        step("insert", session -> {
            Plain fresh = new Plain();
            fresh.id = 134;
            fresh.fill("Own");
            session.persist(fresh);
        });
        step("insert-identity", session -> {
            Guest guest = new Guest();
            guest.name = "Own";
            session.persist(guest);
            session.flush();
            check(guest.id > 0, "no key came back");
        });
        step("insert-sequence", session -> {
            Visit visit = new Visit();
            visit.place = "hall";
            visit.person = (Versioned) session.load(Versioned.class, 35);
            session.persist(visit);
        });
    }

    private static void queries() {
        step("hql", session -> show(session.createQuery("from Plain p where p.note like :n order by p.id")
                .setString("n", "n%").setMaxResults(3).list()));
        step("criteria", session -> show(session.createCriteria(Versioned.class)
                .add(Restrictions.in("id", new Object[] {41, 42})).addOrder(Order.asc("id")).list()));
        step("native", session -> show(session.createSQLQuery("select {p.*} from persons p where p.id = 41")
                .addEntity("p", Plain.class).list()));
        step("lazy", session -> {
            Versioned person = (Versioned) session.get(Versioned.class, 43);
            check(person.visits.size() == 2, "not two visits");
            Visit visit = (Visit) session.createQuery("from Visit where person.id = 44").list().get(0);
            show(List.of(visit.person));
        });
        step("lazy-reference", session -> {
            Visit visit = (Visit) session.createQuery("from Visit v where v.person.id = 44").list().get(0);
            check(visit.person.toString().contains("\t"), "no person");
        });
        step("join-fetch", session -> show(session.createQuery(
                "select distinct p from Versioned p left join fetch p.visits where p.id in (43, 44)").list()));
        step("bulk-update", session -> check(session.createQuery("update Plain set note = :n where id = 45")
                .setString("n", "changed").executeUpdate() == 1, "not one row"));
        step("for-update", session -> session.get(Plain.class, 46, LockMode.UPGRADE));
        step("refresh", session -> session.refresh(session.get(Plain.class, 46)));
        step("scroll", session -> check(session.createQuery("from Plain order by id").setFetchSize(2)
                .scroll().last(), "no row"));
        step("delete", session -> session.delete(session.get(Versioned.class, 47)));
    }

    private static void noted(Session session, Class<? extends Person> entity, int... ids) {
        for (int id : ids) {
            ((Person) session.get(entity, id)).note += " changed";
        }
    }

    private static <P extends Person> P shown(Class<P> entity, int id) {
        Session session = sessions.openSession();
        try {
            P person = entity.cast(session.get(entity, id));
            person.note += " changed";
            return person;
        } finally {
            session.close();
        }
    }

    private static void show(List<?> persons) {
        check(!persons.isEmpty(), "no rows");
        for (Object person : persons) {
            System.out.println("shown\t" + person);
        }
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException(what);
        }
    }

    private static void step(String name, Consumer<Session> work) {
        Session session = sessions.openSession();
        try {
            session.beginTransaction();
            work.accept(session);
            session.getTransaction().commit();
            System.out.println(name + "\t");
        } catch (RuntimeException error) {
            session.getTransaction().rollback();
            System.out.println(name + "\t" + told(error).replaceAll("\\s+", " "));
        } finally {
            session.close();
        }
    }

    /** The database's own words, where it was the database. */
    private static String told(Throwable error) {
        Throwable cause = error;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof BatchUpdateException && ((SQLException) cause).getNextException() != null) {
            cause = ((SQLException) cause).getNextException();
        }
        String state = cause instanceof SQLException ? ((SQLException) cause).getSQLState() : "-";
        return state + " " + cause.getClass().getSimpleName() + ": " + cause.getMessage();
    }
}
