//! What several programs of one line share: the input that one leaves to the next, and files that
//! one writes while another reads. A program takes its input in blocks, and one that is ended
//! leaves the last block of what it writes away: whoever goes on from there begins, or ends, in the
//! middle of a value, where nothing looks like what it is.

use super::parse::{Unreadable, unreadable};
use super::programs::{Program, Use, Used};
use super::reader::Reader;
use super::streams::{Input, Source, Takes, Touched, Written, met};
use super::syntax::{Node, Place, Redirect};
use super::value::{Part, Value};
use portreeve_model::Action;

impl Reader<'_> {
    /// A path is touched; `is_tree` says that all in it is.
    pub(super) fn touches(&mut self, action: Action, path: &str, is_tree: bool) {
        let place = (path.to_owned(), is_tree);
        match action {
            Action::Read => self.touched.read.insert(place),
            _ if path == "/dev/null" => false,
            _ => self.touched.written.insert(place),
        };
    }

    /// A part of a line, with what it touches by itself.
    pub(super) fn touching(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<Touched, Unreadable> {
        let outer = std::mem::take(&mut self.touched);
        run(self)?;
        Ok(std::mem::replace(&mut self.touched, outer))
    }

    /// Something that writes to several places, as its redirections say.
    pub(super) fn placed(
        &mut self,
        redirects: &[Redirect],
        run: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let is_file =
            |redirect: &Redirect| matches!(redirect.to, Place::Write(_) | Place::Append(_));
        if !redirects.iter().any(is_file) {
            return self.placed_in(redirects, run);
        }
        let outer = std::mem::take(&mut self.touched);
        self.redirected_to(redirects)?;
        let places = std::mem::take(&mut self.touched);
        self.touched = outer;
        let is_aside = |it: &Redirect| is_file(it) && !matches!(it.stream, None | Some(1));
        let touched = self.touching(|reader| match redirects.iter().any(is_aside) {
            true => {
                reader.streams.open_aside();
                let ((), says) = reader.in_stream(|reader| reader.placed_in(redirects, run))?;
                reader.stored(says);
                Ok(())
            }
            false => reader.placed_in(redirects, run),
        })?;
        self.shares_places(&places, touched);
        Ok(())
    }

    /// What was written to a file: whoever reads that later knows nothing of how it came there.
    fn stored(&mut self, says: Written) {
        if let Some(name) = says.cut.filter(|_| says.is_data) {
            self.glues(&name);
        }
    }

    fn placed_in(
        &mut self,
        redirects: &[Redirect],
        run: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let is_output = |redirect: &&Redirect| {
            matches!(redirect.stream, None | Some(1))
                && matches!(redirect.to, Place::Write(_) | Place::Append(_) | Place::Same(_))
        };
        match redirects.iter().rfind(is_output).map(|redirect| &redirect.to) {
            Some(Place::Same(_)) => {
                let before = std::mem::replace(&mut self.streams.is_everywhere, true);
                run(self)?;
                self.streams.is_everywhere = before;
                Ok(())
            }
            Some(_) => {
                let outer = self.touched.fragile.take();
                let ((), says) = self.with_stream(run)?;
                self.stored(says);
                if !self.streams.is_everywhere {
                    self.touched.fragile = outer;
                }
                Ok(())
            }
            None => run(self),
        }
    }

    /// The files that it writes to, and reads, as its redirections say.
    fn redirected_to(&mut self, redirects: &[Redirect]) -> Result<(), Unreadable> {
        for redirect in redirects {
            match &redirect.to {
                Place::Write(word) | Place::Append(word) => self.opened(&self.value(word))?,
                Place::Read(word) => self.files(Action::Read, &self.value(word))?,
                Place::Same(_) | Place::Closed | Place::Here(_) | Place::HereWord(_) => {}
            }
        }
        Ok(())
    }

    /// What ran here wrote to these places, and may have read them meanwhile.
    fn shares_places(&mut self, places: &Touched, ran: Touched) {
        let read = met(&places.written, &ran.read).or_else(|| met(&places.written, &places.read));
        if let Some(path) = read {
            self.met_in_file(&path);
        }
        self.touched.add(ran);
    }

    /// Something behind it runs in the background: from there on, and before in loops, whatever
    /// else the line reads is read while that writes.
    pub(super) fn beside(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let is_beside = std::mem::replace(&mut self.is_beside, true);
        let before = self.streams.data_writers();
        let touched = self.touching(run)?;
        if self.streams.data_writers() > before {
            self.streams.goes_on();
        }
        self.is_beside = is_beside;
        self.passes_beside |= touched.hands_on();
        if let Some(path) = self.touched_beside.meets(&touched) {
            self.met_in_file(&path);
        }
        let Touched { read, written, .. } = touched;
        self.touched_beside.add(Touched { read, written, ..Touched::default() });
        Ok(())
    }

    /// What the whole line touches is compared with what goes on in the background.
    pub(super) fn met_beside(&mut self) {
        if let Some(path) = self.touched_beside.meets(&self.touched) {
            self.met_in_file(&path);
        }
        if let Some(name) = self.streams.killer.clone().filter(|_| self.passes_beside) {
            self.cut_by(&name);
        }
    }

    fn met_in_file(&mut self, path: &str) {
        self.code();
        self.why.get_or_insert(Unreadable(format!(
            "`{path}` is written while the same line reads or writes it, and could be seen with \
             half a value at its end: use it in a command of its own, once that is written"
        )));
    }

    /// What is cut goes on to where its last line is taken for a whole one.
    pub(super) fn cut_by(&mut self, name: &str) {
        self.unknown(name);
        self.why.get_or_insert(Unreadable(format!(
            "`{name}` may end a program in the middle of a value, and what is left of that would \
             go on into a file or another program: leave `{name}` out, or show it as it comes"
        )));
    }

    /// A program of this name writes what is not known beforehand into a file, beside what it
    /// shows.
    pub(super) fn stores(&mut self, name: &str) {
        if let Some(ender) = self.streams.ender.clone() {
            self.cut_by(&ender);
        }
        if !super::streams::is_silent(name) {
            self.touched.fragile.get_or_insert_with(|| name.to_owned());
        }
    }

    /// What a program of the table writes into files, beside what it shows.
    pub(super) fn stored_by_call(&mut self, name: &str, uses: &[(Use, Value)]) {
        let is_file = |text: &String| text != "-" && text != "/dev/null";
        let is_stored = |(wanted, value): &(Use, Value)| {
            matches!(wanted, Use::Write | Use::Output | Use::Into | Use::DropWrite | Use::Repacked)
                && value.texts().is_none_or(|texts| texts.iter().any(is_file))
        };
        let is_known = name == "truncate" || name == "tee" && self.input.source == Source::Known;
        if !is_known && uses.iter().any(is_stored) {
            self.stores(name);
        }
    }

    /// A program of this name reads what it is fed.
    pub(super) fn takes_input(&mut self, name: &str, how: Takes) {
        let may_end = self.streams.ender.is_some() || self.is_beside;
        let is_again = self.streams.loops > self.input.loops;
        let input = &mut self.input;
        if input.source == Source::Known {
            return;
        }
        if input.has_reader || is_again {
            // Where the first of them is ended, this one goes on in the middle.
            self.touched.fragile.get_or_insert_with(|| name.to_owned());
        }
        input.has_reader = true;
        let goes_back = how == Takes::Back && input.source == Source::File;
        let left = input.left.clone();
        match how {
            Takes::Line => {}
            Takes::Whole if !may_end => input.is_ended |= left.is_none(),
            Takes::Back if goes_back && !may_end => {}
            Takes::Whole | Takes::Back | Takes::Blocks if input.is_ended => {}
            Takes::Whole | Takes::Back | Takes::Blocks => {
                input.left.get_or_insert_with(|| name.to_owned());
            }
        }
        let is_left_again = is_again && self.input.left.is_some();
        if let Some(first) = left.or_else(|| self.input.left.clone().filter(|_| is_left_again)) {
            self.code();
            self.why.get_or_insert(Unreadable(format!(
                "`{first}` takes more of its input than it shows, and `{name}` would go on in the \
                 middle of a value: read the first lines with `read -r`, or both from a file"
            )));
        }
    }

    /// What a program of the table does with its input.
    pub(super) fn input_of_call(
        &mut self,
        name: &str,
        row: &Program,
        arguments: &[Value],
        used: &Used<Value>,
    ) {
        let uses = &used.uses;
        let named = |(wanted, value): &&(Use, Value)| {
            let is_dash =
                { matches!(wanted, Use::Input | Use::InputTree | Use::Packed | Use::Patterns) };
            let is_named = |text: &String| text == "/dev/stdin" || is_dash && text == "-";
            value.texts().is_some_and(|texts| texts.iter().any(is_named))
        };
        let is_own = self.machine.programs.is_some_and(|own| own.has(name));
        let has_files = uses
            .iter()
            .any(|(wanted, _)| matches!(wanted, Use::Input | Use::InputTree | Use::Packed));
        let is_fed = name == "tee" || row.reads_input() && !has_files && !used.trees || is_own;
        let times = uses.iter().filter(named).count().max(usize::from(is_fed));
        let how = match name {
            "head" => Takes::Back,
            name if !is_own && reads_all(name, arguments, uses) => Takes::Whole,
            _ => Takes::Blocks,
        };
        // From the second time on it reads behind itself.
        (0..times.min(2)).for_each(|_| self.takes_input(name, how));
    }

    /// The same run with the input that its redirections give it.
    pub(super) fn with_input<T>(
        &mut self,
        redirects: &[Redirect],
        run: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        let Some(redirect) = redirects.iter().find(|redirect| redirect.stream() == 0) else {
            return run(self);
        };
        let source = match &redirect.to {
            Place::Read(word) => match self.value(word).only() {
                Some("/dev/stdin") => return run(self),
                Some("/dev/null") => Source::Known,
                _ => Source::File,
            },
            Place::HereWord(word) if self.value(word) == Value::Unknown => Source::Pipe,
            Place::Here(_) | Place::HereWord(_) | Place::Closed => Source::Known,
            Place::Write(_) | Place::Append(_) | Place::Same(_) => Source::Known,
        };
        let input = Input { source, loops: self.streams.loops, ..Input::default() };
        let outer = std::mem::replace(&mut self.input, input);
        let done = run(self)?;
        self.input = outer;
        Ok(done)
    }

    /// What may not run at all.
    pub(super) fn perhaps(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let is_ended = self.input.is_ended;
        run(self)?;
        self.input.is_ended = is_ended;
        Ok(())
    }

    /// Programs of a pipe, one of which runs; gives who stops before it has read all, if one may.
    pub(super) fn fed_by(
        &mut self,
        is_data: bool,
        node: &mut Node,
        run: impl FnOnce(&mut Self, &mut Node) -> Result<(), Unreadable>,
    ) -> Result<Option<String>, Unreadable> {
        let source = if is_data { Source::Pipe } else { Source::Known };
        self.touched.passes |= is_data;
        let input = Input { source, loops: self.streams.loops, ..Input::default() };
        let outer = std::mem::replace(&mut self.input, input);
        run(self, node)?;
        let input = std::mem::replace(&mut self.input, outer);
        let name = || match node {
            Node::Simple(simple) => simple.words.first().and_then(|word| word.literal()),
            _ => None,
        };
        let stops = || input.left.or_else(name).unwrap_or_else(|| "a group".to_owned());
        Ok((!input.is_ended).then(stops))
    }

    /// What becomes of the programs of a pipe where one of them stops: those to its left are ended
    /// while they write. `stops` and `touched` are theirs, in order.
    pub(super) fn ended_in_pipe(
        &mut self,
        stops: &[Option<String>],
        touched: Vec<Touched>,
        was_ended: bool,
    ) -> Result<(), Unreadable> {
        let mut stopper: Option<&String> = None;
        for (touched, stops) in touched.iter().zip(stops).rev() {
            if let (Some(who), Some(fragile)) = (stopper, &touched.fragile) {
                self.unknown(fragile);
                self.why.get_or_insert(Unreadable(format!(
                    "`{who}` may stop before `{fragile}` has written all, and what that writes \
                     elsewhere would end in the middle of a value: do it in two commands"
                )));
            }
            stopper = stopper.or(stops.as_ref());
        }
        // Whoever stands first reads what is fed to all of it.
        if let Some(who) = stops.iter().skip(1).flatten().next()
            && self.input.is_ended
            && !was_ended
        {
            self.input.is_ended = false;
            self.input.left = Some(who.clone());
        }
        let mut all = Touched::default();
        for touched in touched {
            if let Some(path) = all.meets(&touched).filter(|_| !self.is_too_much()) {
                self.met_in_file(&path);
            }
            all.add(touched);
        }
        self.touched.add(all);
        match self.is_too_much() {
            true => unreadable("it needs more than anybody could look through"),
            false => Ok(()),
        }
    }
}

/// Whether a call surely reads its input to the end: no option makes it stop, and nothing in it
/// could be wrong, so that it would not even begin.
fn reads_all(name: &str, arguments: &[Value], uses: &[(Use, Value)]) -> bool {
    const READS_ALL: [&str; 11] =
        ["cat", "tac", "nl", "tail", "grep", "egrep", "fgrep", "wc", "sort", "uniq", "tee"];
    let letters: &[char] = match name {
        "grep" | "egrep" | "fgrep" => &['m', 'q', 'l', 'L'],
        "tail" => &['f', 'F'],
        "sort" => &['c', 'C'],
        _ => &[],
    };
    const STOPPING: [&str; 9] = [
        "--quiet",
        "--silent",
        "--max-count",
        "--files-with-matches",
        "--check",
        "--follow",
        "--retry",
        "--pid",
        "--output",
    ];
    let stops = |argument: &Value| match argument.part() {
        Some(Part::Option(text)) if text.starts_with("--") => {
            STOPPING.contains(&text.split('=').next().unwrap_or_default())
        }
        Some(Part::Option(text)) => {
            let is_none = name == "tail" && text.trim_matches(['-', '0']).is_empty();
            text.contains(letters) || is_none && text.len() > 1
        }
        Some(Part::Operand) => false,
        None => true,
    };
    let is_sure = |(wanted, value): &(Use, Value)| match (wanted, value) {
        (Use::Text, Value::Texts(texts)) => texts.iter().all(|text| is_count(text)),
        (Use::Pattern, Value::Texts(texts)) => texts.iter().all(|text| is_plain_pattern(text)),
        (Use::Input, Value::Texts(texts)) => name != "sort" || texts.iter().all(|it| it == "-"),
        (Use::Input, _) => name != "sort",
        (Use::Write, _) => name == "tee",
        _ => false,
    };
    READS_ALL.contains(&name) && !arguments.iter().any(stops) && uses.iter().all(is_sure)
}

/// Whether a text is a number of lines, and not none of them.
fn is_count(text: &str) -> bool {
    let digits = text.trim_start_matches('+');
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (1..=9).contains(&digits.len()) && digits.bytes().any(|byte| byte != b'0')
}

/// Whether a pattern is one in each of the languages of patterns.
fn is_plain_pattern(text: &str) -> bool {
    text.chars().all(|letter| letter.is_alphanumeric() || " _-/.:,@%=\"'<>;!#~&^$".contains(letter))
}
