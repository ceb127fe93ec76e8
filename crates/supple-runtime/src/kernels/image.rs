//! An image, whole or a few rows of it.

use core::ops::Range;

use supple_pack::Shape;

/// An image to read of which `rows` rows are held: row `y` lies in place `y % rows`.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a, T> {
    /// `[rows][width][channels]`.
    pub elements: &'a [T],
    /// Height, width and channels of the whole image.
    pub shape: Shape,
    /// How many rows are held.
    pub rows: u16,
}

/// An image to write, held like an [`Image`].
#[derive(Debug)]
pub struct ImageMut<'a, T> {
    /// `[rows][width][channels]`.
    pub elements: &'a mut [T],
    /// Height, width and channels of the whole image.
    pub shape: Shape,
    /// How many rows are held.
    pub rows: u16,
}

impl<T> ImageMut<'_, T> {
    /// The elements of row `y`, if they are held.
    #[inline]
    pub fn row(&mut self, y: usize) -> Option<&mut [T]> {
        let row = Image { elements: &*self.elements, shape: self.shape, rows: self.rows }.row(y);
        self.elements.get_mut(row)
    }
}

impl<T> Image<'_, T> {
    /// Elements of a row.
    #[inline]
    pub fn row_length(&self) -> usize {
        usize::from(self.shape.width) * usize::from(self.shape.channels)
    }

    /// Where row `y` lies.
    #[inline]
    pub fn row(&self, y: usize) -> Range<usize> {
        let rows = usize::from(self.rows).max(1);
        let place = if y < rows { y } else { y % rows };
        let length = self.row_length();
        place * length..(place + 1) * length
    }
}
