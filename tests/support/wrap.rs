//! Text in lines as the CLI breaks it.

const WIDTH: usize = 78;

/// Lines that begin with a space are printed as they are.
pub fn wrapped(text: &str) -> String {
    let lines = text
        .trim_end()
        .lines()
        .map(|line| match line.starts_with(' ') {
            true => line.to_owned(),
            false => broken(line),
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn broken(line: &str) -> String {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        // There is always a last line.
        let last = lines.last_mut().unwrap();
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= WIDTH {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}
