//! Makes one report.

use super::super::evidence::subject_token;
use super::super::options::LogArgument;
use super::super::output::{Format, print, remark};
use anyhow::{Context, bail};
use jiff::Timestamp;
use portreeve_control::reports::{DECLARED_FILE, configured, declared};
use portreeve_evidence::{AuditorKey, Opener, auditor_key_path};
use portreeve_files::Durability;
use portreeve_model::SessionId;
use portreeve_reports::{
    Declared, Incident, Inputs, Kind, Made, Period, RecordForm, Rendering, Report, Scope, Staff,
    Subject, Wanted,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a report is about, and how it is written.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    log: LogArgument,
    /// Not before this time: `2026-11-22T10:00:00Z`.
    #[arg(long, value_name = "TIME", visible_alias = "from")]
    since: Option<Timestamp>,
    /// Before this time.
    #[arg(long, value_name = "TIME", visible_alias = "to")]
    until: Option<Timestamp>,
    /// In this session only.
    #[arg(long, value_name = "ID")]
    session: Option<uuid::Uuid>,
    /// Where this agent took part only.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// On this principal's behalf only.
    #[arg(long, value_name = "NAME", visible_alias = "person")]
    principal: Option<String>,
    /// At this resource only.
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// What touched this table, route or other object only: `public.customers`.
    #[arg(long, value_name = "NAME", visible_alias = "table")]
    object: Option<String>,
    /// About this person only: `email=ann@example.com`; `-` as the identifier reads it from
    /// standard input. The report holds a keyed hash, not the identifier.
    #[arg(long, value_name = "KIND=IDENTIFIER")]
    subject: Option<String>,
    /// The auditors' private key, which opens lists of data subjects. By default the one that
    /// lies with the log, if it is still there.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// What people declare; by default `declared.yaml` beside the configuration.
    #[arg(long, value_name = "FILE")]
    declared: Option<PathBuf>,
    /// When the incident was detected (art33); stands above what is declared.
    #[arg(long, value_name = "TIME")]
    detected: Option<Timestamp>,
    /// When the controller became aware of the incident (art33): 72 hours begin then.
    #[arg(long, value_name = "TIME")]
    aware: Option<Timestamp>,
    /// Name people who work here, instead of their roles (art15).
    #[arg(long)]
    names: bool,
    /// The report before this one: what has changed since is said (art30).
    #[arg(long, value_name = "FILE")]
    since_report: Option<PathBuf>,
    /// For whom the record is (art30): a processor's is by controller (Article 30(2)).
    #[arg(long = "form", value_name = "WHO", default_value = "controller")]
    record: Record,
    /// How it is written: by default as the ending of `--out` says, otherwise Markdown.
    #[arg(long = "as", value_name = "FORM")]
    form: Option<Form>,
    /// Where to write it; otherwise to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// For whom a record of processing activities is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Record {
    /// Who decides why and how data are processed.
    Controller,
    /// Who processes on behalf of others.
    Processor,
}

/// How a report is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Form {
    /// The report itself, for programs and for `verify`.
    Json,
    /// To read and to print.
    Html,
    /// For a ticket or a repository.
    Markdown,
    /// For a spreadsheet.
    Csv,
}

impl Form {
    /// What the ending of a file stands for.
    pub(super) fn of(out: &Path) -> anyhow::Result<Self> {
        match out.extension().and_then(|ending| ending.to_str()) {
            Some("json") => Ok(Self::Json),
            Some("html") => Ok(Self::Html),
            Some("md") => Ok(Self::Markdown),
            Some("csv") => Ok(Self::Csv),
            _ => bail!(
                "`{}` ends like no form of a report\nhint: .json, .html, .md, .csv, or give it \
                 with --as",
                out.display()
            ),
        }
    }

    /// The text of a report in this form.
    pub(super) fn write(self, made: &Made) -> anyhow::Result<String> {
        Ok(match self {
            Self::Json => made.report.write()?,
            Self::Html => made.document.render(Rendering::Html),
            Self::Markdown => made.document.render(Rendering::Markdown),
            Self::Csv => made.document.render(Rendering::Csv),
        })
    }
}

pub(super) fn run(kind: Kind, args: &Args, format: Format) -> anyhow::Result<ExitCode> {
    let dir = args.log.directory()?;
    let form = match (args.form, &args.out) {
        (Some(form), _) => form,
        (None, Some(out)) => Form::of(out)?,
        (None, None) if format == Format::Json => Form::Json,
        (None, None) => Form::Markdown,
    };
    let mut opener = opener(&dir, args.key.as_deref())?;
    let wanted = Wanted { kind, scope: args.scope(&dir)?, inputs: args.inputs()? };
    let made = portreeve_reports::make(&dir, &wanted, opener.as_mut())?;
    put(args.out.as_deref(), &form.write(&made)?)?;
    if let Some(out) = &args.out {
        let gaps = made.report.gaps.len();
        remark(&format!(
            "`{}` written from {} records; {gaps} gaps are listed in it",
            out.display(),
            made.report.log.records
        ));
        if form != Form::Json {
            remark("hint: keep the report as JSON, too: it is what `portreeve verify` checks");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What opens lists of data subjects: the key that was named, or the one that lies with the log.
pub(super) fn opener(dir: &Path, key: Option<&Path>) -> anyhow::Result<Option<Opener>> {
    let beside = auditor_key_path(dir);
    let path = match key {
        Some(named) => named,
        None if beside.exists() => &beside,
        None => return Ok(None),
    };
    let key = AuditorKey::load(path).context("the auditors' private key cannot be used")?;
    Ok(Some(Opener::new(dir, key)))
}

/// Writes to a file, whole or not at all, or to standard output.
pub(super) fn put(out: Option<&Path>, text: &str) -> anyhow::Result<()> {
    let Some(out) = out else { return print(text.trim_end()) };
    portreeve_files::put(out, 0o644, text.as_bytes(), Durability::OfName)
        .with_context(|| format!("cannot write `{}`", out.display()))
}

impl Args {
    fn scope(&self, dir: &Path) -> anyhow::Result<Scope> {
        let micros = |at: Option<Timestamp>| {
            at.map(|at| u64::try_from(at.as_microsecond()).context("the time is before 1970"))
                .transpose()
        };
        let period = Period { since_us: micros(self.since)?, until_us: micros(self.until)? };
        if period.since_us.zip(period.until_us).is_some_and(|(since, until)| since >= until) {
            bail!("`--since` is not before `--until`");
        }
        let subject = match &self.subject {
            Some(named) => {
                let (kind, token) = subject_token(dir, named)?;
                Some(Subject::new(kind, &token))
            }
            None => None,
        };
        Ok(Scope {
            period,
            session: self.session.map(SessionId),
            actor: self.actor.clone(),
            principal: self.principal.clone(),
            resource: self.resource.clone(),
            object: self.object.clone(),
            subject,
        })
    }

    fn inputs(&self) -> anyhow::Result<Inputs> {
        let config = match self.log.config.config.exists() {
            true => Some(self.log.config.load()?),
            false => None,
        };
        if self.record == Record::Processor && self.since_report.is_some() {
            bail!("`--since-report` compares activities, which a processor's form does not list");
        }
        let previous = match &self.since_report {
            Some(path) => {
                let at = || format!("cannot use the report `{}`", path.display());
                let text = fs::read_to_string(path).with_context(at)?;
                Some(Report::read(&text).with_context(at)?.content)
            }
            None => None,
        };
        Ok(Inputs {
            configured: config.as_ref().map(configured),
            declared: self.declared()?,
            form: match self.record {
                Record::Controller => RecordForm::Controller,
                Record::Processor => RecordForm::Processor,
            },
            staff: if self.names { Staff::ByName } else { Staff::ByRole },
            previous,
        })
    }

    fn declared(&self) -> anyhow::Result<Declared> {
        let mut found = match &self.declared {
            Some(named) => declared(named)?,
            None => {
                let beside = self.log.config.config.with_file_name(DECLARED_FILE);
                if beside.exists() { declared(&beside)? } else { Declared::default() }
            }
        };
        if self.detected.is_some() || self.aware.is_some() {
            let known = found.incident.unwrap_or_default();
            found.incident = Some(Incident {
                detected_at: self.detected.map(|at| at.to_string()).or(known.detected_at),
                aware_at: self.aware.map(|at| at.to_string()).or(known.aware_at),
                ..known
            });
        }
        Ok(found)
    }
}
