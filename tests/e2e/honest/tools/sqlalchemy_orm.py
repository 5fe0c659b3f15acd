"""SQLAlchemy's ORM: create_all, units of work, whole rows, reflection, drop_all."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    create_engine,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, relationship
from steps import SETTINGS, run

engine = create_engine(str(SETTINGS["url"]))


class Base(DeclarativeBase):
    pass


class Reader(Base):
    __tablename__ = "sa_reader"
    id = mapped_column(Integer, primary_key=True)
    email = Column(String(60), unique=True)
    full_name = Column(String(60), nullable=False)
    tags = Column(ARRAY(String))
    extra = Column(JSONB)
    loans = relationship("Loan", back_populates="reader", cascade="all, delete-orphan")


class Loan(Base):
    __tablename__ = "sa_loan"
    id = mapped_column(Integer, primary_key=True)
    reader_id = Column(ForeignKey("sa_reader.id"))
    title = Column(String, index=True, server_default=text("'untitled'"))
    reader = relationship("Reader", back_populates="loans")


def add() -> None:
    with Session(engine) as session:
        reader = Reader(
            email="zq7marker@leak-q7.example", full_name="Ada", tags=["a"], extra={"k": 1}
        )
        reader.loans = [Loan(title="x"), Loan()]
        session.add(reader)
        session.commit()


def change() -> None:
    with Session(engine) as session:
        reader = session.scalars(select(Reader)).first()
        reader.full_name = "Ada L"
        session.commit()


def merge_whole() -> None:
    """What a web form does: every column comes back."""
    with Session(engine) as session:
        found = session.scalars(select(Reader)).first()
        columns = {c.name: getattr(found, c.name) for c in Reader.__table__.columns}
        session.expunge_all()
        session.execute(
            Reader.__table__.update().where(Reader.id == columns["id"]).values(**columns)
        )
        session.commit()


def upsert() -> None:
    with Session(engine) as session:
        statement = insert(Loan).values(id=1, title="y")
        session.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"title": "y"}))
        session.commit()


def ask() -> None:
    with Session(engine) as session:
        session.execute(select(Loan.title, func.count()).group_by(Loan.title)).all()
        session.scalars(select(Loan).with_for_update()).all()
        session.execute(select(Reader).join(Reader.loans)).all()


def lock_advisory() -> None:
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(7)))


run(
    {
        "create-all": lambda: Base.metadata.create_all(engine),
        "create-all-again": lambda: Base.metadata.create_all(engine),
        "add": add,
        "change": change,
        "merge-whole": merge_whole,
        "upsert": upsert,
        "ask": ask,
        "advisory-lock": lock_advisory,
        "reflect": lambda: MetaData().reflect(engine),
        "drop-all": lambda: Base.metadata.drop_all(engine),
    }
)
