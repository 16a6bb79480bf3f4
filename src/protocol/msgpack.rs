//! MessagePack, one step at a time: what stands at the front, without what is nested in it.
//!
//! The bytes are not trusted: every step consumes at least one of them and none goes beyond their end. What a value
//! means, and how deep one may be, is for `normalise` and `unpack` to say.
//!
//! `rmp` names the markers and leaves the rest to its caller: lengths, bounds and the way from a marker to its content. With
//! it this file is no shorter. `rmp_serde` puts every failure into words, which `unpack` must not do.

/// Why bytes are not MessagePack.
pub(super) struct Broken(pub(super) &'static str);

const TRUNCATED: Broken = Broken("it ends too early");

/// A scalar with its content, or the beginning of something that holds more values.
pub(super) enum Head<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Single(f32),
    Double(f64),
    /// A string; whether it is UTF-8 has not been looked at.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// An array of this many values, which follow.
    Items(usize),
    /// A map of this many pairs of key and value, which follow.
    Entries(usize),
    /// The type of an extension, and its data.
    Extension(u8, &'a [u8]),
}

/// Bytes and how far they were read.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// All bytes, read or not.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many bytes were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes were not.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next byte, which stays where it is.
    pub(super) fn first(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next value, or its beginning.
    pub(super) fn head(&mut self) -> Result<Head<'a>, Broken> {
        let marker = self.byte()?;
        Ok(match marker {
            0x00..=0x7f => Head::Unsigned(marker.into()),
            0x80..=0x8f => Head::Entries(usize::from(marker & 0x0f)),
            0x90..=0x9f => Head::Items(usize::from(marker & 0x0f)),
            0xa0..=0xbf => Head::Text(self.take(usize::from(marker & 0x1f))?),
            0xc0 => Head::Null,
            0xc1 => return Err(Broken("it holds a byte that means nothing")),
            0xc2 | 0xc3 => Head::Bool(marker == 0xc3),
            0xc4..=0xc6 => Head::Bytes(self.sized(1 << (marker - 0xc4))?),
            0xc7..=0xc9 => {
                let length = self.length(1 << (marker - 0xc7))?;
                self.extension(length)?
            }
            0xca => Head::Single(f32::from_be_bytes(self.array()?)),
            0xcb => Head::Double(f64::from_be_bytes(self.array()?)),
            0xcc..=0xcf => Head::Unsigned(self.number(1 << (marker - 0xcc))?),
            0xd0 => Head::Signed(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Head::Signed(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Head::Signed(i32::from_be_bytes(self.array()?).into()),
            0xd3 => Head::Signed(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => self.extension(1 << (marker - 0xd4))?,
            0xd9..=0xdb => Head::Text(self.sized(1 << (marker - 0xd9))?),
            0xdc..=0xdd => Head::Items(self.length(2 << (marker - 0xdc))?),
            0xde..=0xdf => Head::Entries(self.length(2 << (marker - 0xde))?),
            0xe0..=0xff => Head::Signed((marker as i8).into()),
        })
    }

    /// The next value if it is a string. Of another one, no more than its first byte is looked at.
    pub(super) fn text(&mut self) -> Result<Option<&'a [u8]>, Broken> {
        let is_text = |marker| matches!(marker, 0xa0..=0xbf | 0xd9..=0xdb);
        if self.first().is_some_and(|marker| !is_text(marker)) {
            return Ok(None);
        }
        match self.head()? {
            Head::Text(text) => Ok(Some(text)),
            _ => Ok(None),
        }
    }

    fn extension(&mut self, length: usize) -> Result<Head<'a>, Broken> {
        Ok(Head::Extension(self.byte()?, self.take(length)?))
    }

    /// What comes after its own length, which is `width` bytes wide.
    fn sized(&mut self, width: usize) -> Result<&'a [u8], Broken> {
        let length = self.length(width)?;
        self.take(length)
    }

    fn length(&mut self, width: usize) -> Result<usize, Broken> {
        // A length that this machine cannot count is beyond any end.
        usize::try_from(self.number(width)?).map_err(|_| TRUNCATED)
    }

    /// A number in big-endian, `width` bytes wide.
    fn number(&mut self, width: usize) -> Result<u64, Broken> {
        let digits = self.take(width)?;
        Ok(digits
            .iter()
            .fold(0, |number, digit| number << 8 | u64::from(*digit)))
    }

    fn byte(&mut self) -> Result<u8, Broken> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| TRUNCATED)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let end = self.at.checked_add(length).ok_or(TRUNCATED)?;
        let taken = self.bytes.get(self.at..end).ok_or(TRUNCATED)?;
        self.at = end;
        Ok(taken)
    }
}
