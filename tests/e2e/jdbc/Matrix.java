// The PostgreSQL JDBC driver as its documentation shows it. Arguments: the JDBC url, user and
// password of the reader, then of the writer. Prints one line `name<TAB>value…` for each row or
// fact; drivers/test_jdbc.py judges them.

import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public final class Matrix {
    private static final String READ = "select id, email, city from customers order by id";
    private static final String BY_ID = "select id, email, city from customers where id <= ? order by id";

    private Matrix() {}

    public static void main(String[] arguments) throws Exception {
        Properties plain = new Properties();
        plain.setProperty("user", arguments[1]);
        plain.setProperty("password", arguments[2]);
        try (Connection db = DriverManager.getConnection(arguments[0], plain)) {
            read(db);
            refusals(db);
            metadata(db);
        }
        Properties eager = new Properties();
        eager.putAll(plain);
        eager.setProperty("prepareThreshold", "-1");
        try (Connection db = DriverManager.getConnection(arguments[0], eager)) {
            try (PreparedStatement statement = db.prepareStatement(BY_ID)) {
                statement.setInt(1, 3);
                print("binary", statement.executeQuery());
            }
        }
        Properties simple = new Properties();
        simple.putAll(plain);
        simple.setProperty("preferQueryMode", "simple");
        try (Connection db = DriverManager.getConnection(arguments[0], simple)) {
            print("simple-mode", db.createStatement().executeQuery(READ));
        }
        Properties writer = new Properties();
        writer.setProperty("user", arguments[4]);
        writer.setProperty("password", arguments[5]);
        try (Connection db = DriverManager.getConnection(arguments[3], writer)) {
            write(db);
        }
    }

    private static void read(Connection db) throws SQLException {
        print("statement", db.createStatement().executeQuery(READ));
        try (PreparedStatement statement = db.prepareStatement(BY_ID)) {
            statement.unwrap(org.postgresql.PGStatement.class).setPrepareThreshold(3);
            for (int turn = 0; turn < 8; turn++) {
                statement.setInt(1, 3);
                print(turn == 7 ? "server-prepared" : "ignored", statement.executeQuery());
            }
        }
        db.setAutoCommit(false);
        try (Statement statement = db.createStatement()) {
            statement.setFetchSize(1);
            print("fetch-size", statement.executeQuery(READ));
        }
        db.commit();
        db.setAutoCommit(true);
    }

    private static void refusals(Connection db) throws SQLException {
        refused("refused", db, "drop table orders");
        print("after-refused", db.createStatement().executeQuery(READ));
        db.setAutoCommit(false);
        db.createStatement().executeQuery("select 1").close();
        refused("refused-in-transaction", db, "drop table orders");
        refused("aborted", db, "select 1");
        db.rollback();
        db.setAutoCommit(true);
        print("after-rollback", db.createStatement().executeQuery(READ));
    }

    private static void refused(String name, Connection db, String sql) {
        try (PreparedStatement statement = db.prepareStatement(sql)) {
            statement.execute();
            System.out.println(name + "\tnot refused");
        } catch (PSQLException error) {
            ServerErrorMessage message = error.getServerErrorMessage();
            System.out.println(name + "\t" + error.getSQLState() + "\t" + message.getDetail() + "\t" + message.getHint());
        } catch (SQLException error) {
            System.out.println(name + "\t" + error.getSQLState());
        }
    }

    private static void metadata(Connection db) throws SQLException {
        ResultSet columns = db.getMetaData().getColumns(null, "public", "customers", "%");
        StringBuilder names = new StringBuilder("columns");
        while (columns.next()) {
            names.append('\t').append(columns.getString("COLUMN_NAME"));
        }
        System.out.println(names);
        ResultSet tables = db.getMetaData().getTables(null, "public", "ord%", new String[] {"TABLE"});
        tables.next();
        System.out.println("table\t" + tables.getString("TABLE_NAME"));
        ResultSet keys = db.getMetaData().getPrimaryKeys(null, "public", "orders");
        keys.next();
        System.out.println("key\t" + keys.getString("COLUMN_NAME"));
    }

    private static void write(Connection db) throws Exception {
        try (PreparedStatement batch = db.prepareStatement("insert into work.other values (?, ?)")) {
            for (int n = 0; n < 300; n++) {
                batch.setInt(1, n);
                batch.setString(2, "n" + n);
                batch.addBatch();
            }
            System.out.println("batch\t" + batch.executeBatch().length);
        }
        try (PreparedStatement insert = db.prepareStatement(
                "insert into work.items (name, at, blob) values (?, now(), ?)", Statement.RETURN_GENERATED_KEYS)) {
            insert.setString(1, "keyed");
            insert.setBytes(2, new byte[] {0, 1, 2});
            insert.executeUpdate();
            ResultSet keys = insert.getGeneratedKeys();
            keys.next();
            System.out.println("generated-key\t" + keys.getInt("id"));
        }
        CopyManager copy = db.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder rows = new StringBuilder();
        for (int n = 1000; n < 3000; n++) {
            rows.append(n).append("\tcopied\n");
        }
        System.out.println("copy-in\t" + copy.copyIn("copy work.other from stdin", new StringReader(rows.toString())));
        StringWriter out = new StringWriter();
        System.out.println("copy-out\t" + copy.copyOut("copy work.other to stdout", out));
        db.setAutoCommit(false);
        long sum = 0;
        try (Statement statement = db.createStatement()) {
            statement.setFetchSize(5000);
            ResultSet big = statement.executeQuery("select id from work.big");
            while (big.next()) {
                sum += big.getInt(1);
            }
        }
        db.commit();
        System.out.println("big\t" + sum);
    }

    private static void print(String name, ResultSet rows) throws SQLException {
        while (rows.next()) {
            System.out.println(name + "\t" + rows.getInt(1) + "\t" + rows.getString(2) + "\t" + rows.getString(3));
        }
        rows.close();
    }
}
