//! Where a server is, what opens it, and which of its fields are classified.

use portreeve_model::{Object, ObjectKind, Secret};
use portreeve_screen::Screen;
use portreeve_web::{Address, Fields, Hidden};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A program that the gateway runs for each session.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its path and arguments.
    pub words: Vec<String>,
    /// The variable in which it expects its token, and the token.
    pub token: Option<(String, Secret<String>)>,
}

/// Where a server is.
#[derive(Debug)]
pub enum Place {
    /// It answers over HTTP, under a path.
    Http {
        /// Its address.
        address: Box<Address>,
        /// The path of its endpoint.
        path: String,
    },
    /// It is a program.
    Program(Program),
}

/// What a target is made of.
#[derive(Debug)]
pub struct TargetParts {
    /// The resource's name, which policies know the server by.
    pub name: String,
    /// The host name that clients ask for it by.
    pub serve_host: String,
    /// Where it is.
    pub place: Place,
    /// What is classified.
    pub fields: Fields,
    /// What becomes of the rest.
    pub screen: Arc<Screen>,
}

/// A server of tools.
#[derive(Debug)]
pub struct Target {
    parts: TargetParts,
    /// Programs that may run for it at once.
    programs: Arc<Semaphore>,
    /// What opens a program, as it is looked for in what that says.
    hidden: Option<Hidden>,
}

/// Programs that may run for one server at once.
const PROGRAMS_MAX: usize = 64;

impl Target {
    /// Puts a target together.
    #[must_use]
    pub fn new(parts: TargetParts) -> Self {
        let hidden = match &parts.place {
            Place::Program(program) => program.token.as_ref().map(|(_, token)| Hidden::of(token)),
            Place::Http { .. } => None,
        };
        Self { parts, programs: Arc::new(Semaphore::new(PROGRAMS_MAX)), hidden }
    }

    /// The resource's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// The host name that clients ask for it by.
    pub(crate) fn serve_host(&self) -> &str {
        &self.parts.serve_host
    }

    pub(crate) fn place(&self) -> &Place {
        &self.parts.place
    }

    /// A place for one more program; none where too many run.
    pub(crate) fn place_for_program(&self) -> Option<OwnedSemaphorePermit> {
        self.programs.clone().try_acquire_owned().ok()
    }

    pub(crate) fn screen(&self) -> &Arc<Screen> {
        &self.parts.screen
    }

    /// As whom the server is asked, for reviewers.
    pub(crate) fn role(&self) -> &str {
        match &self.parts.place {
            Place::Http { address, .. } => address.role(),
            Place::Program(_) => "a program of the gateway",
        }
    }

    /// A text without what opens the server, if it holds that.
    pub(crate) fn without_credential(&self, text: &str) -> Option<String> {
        match &self.parts.place {
            Place::Http { address, .. } => address.without_credential(text),
            Place::Program(_) => self.hidden.as_ref()?.without(text),
        }
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.parts.fields
    }

    pub(crate) fn server(&self) -> Object {
        Object { kind: ObjectKind::SERVER, path: vec![self.name().to_owned()] }
    }

    pub(crate) fn tool(&self, name: &str) -> Object {
        self.inner(ObjectKind::TOOL, name)
    }

    pub(crate) fn resource(&self, uri: &str) -> Object {
        self.inner(ObjectKind::SERVER_RESOURCE, uri)
    }

    pub(crate) fn prompt(&self, name: &str) -> Object {
        self.inner(ObjectKind::PROMPT, name)
    }

    fn inner(&self, kind: ObjectKind, name: &str) -> Object {
        Object { kind, path: vec![self.name().to_owned(), name.to_owned()] }
    }
}
